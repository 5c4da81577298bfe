"""An OpenAI-compatible server in a process of its own, for the tests of remote models.

`python model_server.py [MODEL]` prints its port and serves until it is killed. A word in brackets in
the last message asks for a fault: [500] [slow] [garbage] [long] [plain]. Without MODEL it echoes; with
one it answers with that local model.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTEXT = 4096
ENGINE: Any = None
MOST = {"now": 0, "most": 0}
LOCK = threading.Lock()


def answer(body: dict[str, Any]) -> str:
    from toolkit.records import Message, Request

    last = body["messages"][-1]
    begun = last["content"] if last["role"] == "assistant" else ""
    if ENGINE is not None:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        request = Request(
            messages=tuple(Message(**m) for m in body["messages"]),
            json_schema=schema,
            max_tokens=body.get("max_tokens", 64),
            stop=tuple(body.get("stop") or ()),
        )
        return ENGINE.generate([request])[0].text
    if "[plain]" in last["content"]:
        return "not json at all"
    if "response_format" in body:
        schema = body["response_format"]["json_schema"]["schema"]
        return json.dumps({name: f"<{name}>" for name in schema["properties"]}, ensure_ascii=False)
    if body.get("grammar"):
        return f"grammar {body['grammar']}"
    if begun:
        return begun + "还有下文"
    return f"回声：{last['content']}"


class Server(ThreadingHTTPServer):
    request_queue_size = 64


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass

    def send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if self.path == "/most":
            with LOCK:
                self.send(200, MOST)
                MOST["most"] = 0
        else:
            self.send(200, {"data": [{"id": "echo", "max_model_len": CONTEXT}, {"id": "other"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with LOCK:
            MOST["now"] += 1
            MOST["most"] = max(MOST["most"], MOST["now"])
        try:
            self.reply(body, body["messages"][-1]["content"])
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with LOCK:
                MOST["now"] -= 1

    def reply(self, body: dict[str, Any], asked: str) -> None:
        if "[500]" in asked:
            self.send(500, {"error": {"message": "out of memory", "type": "server_error"}})
        elif "[garbage]" in asked:
            self.send(200, b"<html>proxy page</html>")
        elif "[long]" in asked:
            said = f"This model's maximum context length is {CONTEXT} tokens. You requested 5210 tokens."
            self.send(400, {"error": {"message": said, "type": "invalid_request_error", "code": 400}})
        elif body.get("prompt_logprobs") is not None and body["model"] == "echo":
            self.logprobs(body)
        else:
            if "[slow]" in asked:
                time.sleep(3)
            if "[wait]" in asked:
                time.sleep(0.2)
            self.chat(body, answer(body))

    def logprobs(self, body: dict[str, Any]) -> None:
        """A token a character; each has the log-probability of minus its place in the label."""
        text = "".join(f"<{m['role']}>{m['content']}" for m in body["messages"][:-1])
        last = body["messages"][-1]
        text += f"<{last['role']}>" if last["role"] != "assistant" else ""
        prompt = len(text) + (len(last["content"]) if last["role"] != "assistant" else 0)
        label = last["content"] if last["role"] == "assistant" else ""
        logprobs = [None] + [{"7": {"logprob": -9.0}}] * (prompt - 1)
        logprobs += [{"7": {"logprob": -float(i + 1)}} for i in range(len(label))]
        choice = {"index": 0, "message": {"role": "assistant", "content": "。"}, "finish_reason": "length"}
        self.send(200, {"choices": [choice], "prompt_logprobs": logprobs})

    def chat(self, body: dict[str, Any], text: str) -> None:
        if body.get("stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for n, piece in enumerate([*text, ""]):
                choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None if piece else "stop"}
                line = {"id": "1", "object": "chat.completion.chunk", "model": "echo", "choices": [choice]}
                self.wfile.write(f"data: {json.dumps(line)}\n\n".encode())
                if "[cut]" in text and n == 3:
                    return
            self.wfile.write(b"data: [DONE]\n\n")
            return
        cut = text[: body["max_tokens"]] if ENGINE is None and body.get("max_tokens") else text
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": cut},
            "finish_reason": "stop" if cut == text else "length",
        }
        usage = {"prompt_tokens": 7, "completion_tokens": len(cut), "total_tokens": 7 + len(cut)}
        self.send(
            200,
            {"id": "1", "object": "chat.completion", "model": "echo", "choices": [choice], "usage": usage},
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        from toolkit.engine import load_engine

        ENGINE = load_engine(sys.argv[1], context=2048)
    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
