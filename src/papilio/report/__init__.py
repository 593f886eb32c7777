"""The report: figures, tables, and the one page that holds them."""
