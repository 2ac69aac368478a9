"""Pages from results: sentences, figures, tables and HTML, in two languages from one message catalogue.

Belongs here: what a reader sees. Does not belong here: computing what it says (`evaluation.studies`).
"""
