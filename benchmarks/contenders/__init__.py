"""One file a family of contenders; each runs as a process of its own and answers with one line of JSON."""
