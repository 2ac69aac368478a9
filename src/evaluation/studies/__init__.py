"""Studies join configuration and data with the engines: scores, estimates, region profiles.

Belongs here: which figures go into which engine, and what is asked of them. Does not belong here: the methods
(`evaluation.index`, `evaluation.impact`) or words and pages (`evaluation.reporting`).
"""
