"""The settings of a run, as study files, searches, run folders and engines share them. No framework is imported here."""
