"""The checks of each lesson, `lesson_NN.py`: imported when one of its exercises is checked."""
