"""Policy files to documents: what a file holds, with number, bodies, region and dates.

In: paths (txt, md, html, pdf, docx, csv, tsv, xlsx; `-` is standard input). Out: `Document`s in the order
in which they stand in the file, and a `Failure` for each file that cannot be read.
"""

from toolkit.documents.reading import FORMATS, find_files, read_documents, read_text

__all__ = ["FORMATS", "find_files", "read_documents", "read_text"]
