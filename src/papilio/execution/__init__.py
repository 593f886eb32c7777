"""The run of a study: its search on its workers, the forecast and the progress that people see."""
