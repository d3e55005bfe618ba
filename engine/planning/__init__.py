"""Timetables: problems and plans as files, a checker that reports what a plan violates, and a solver.

Nothing here knows the time or does input and output, except the loader (`load`).
"""
