"""A local, LLM-assisted toolkit for Chinese government policy texts."""

__version__ = "0.1.0"
