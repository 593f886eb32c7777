"""The report: results and the arrays of analyses in, sections of text, tables and figures, and the one page of them out."""
