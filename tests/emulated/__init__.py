"""Peers that behave as published sources say, written without our code."""
