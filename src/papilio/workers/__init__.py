"""Who trains: processes of this machine, or of a Ray cluster, and the messages between them and the study."""
