"""Quality against gold annotations; `toolkit/evaluate/<name>.py` has the figures of one task."""
