"""What of a study is to be run next: samplers propose trials, pruners cut them, stages wait for each other."""
