"""Evaluation workbench for Indonesia's Smart City programme (kota cerdas)."""
