"""The rooms of the lessons: `lesson_NN_name/` holds lesson.py, exercises.py and checks.

Installed with labkit, because a check of a lesson runs wherever its notebook does.
"""
