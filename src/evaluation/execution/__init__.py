"""Runs notebooks: which targets there are, in which order, in which processes, and what became of them.

Belongs here: plan, processes, failures, times. Does not belong here: what a page says
(`evaluation.reporting`) and what is computed (`evaluation.studies` and below). This file stays empty of
imports: the parent of all notebook processes loads it, and nothing else of the project.
"""
