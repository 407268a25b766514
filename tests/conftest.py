"""Fixtures for all tests."""

from tests.real_parts import smollm2, vllm_python, vllm_server

__all__ = ["smollm2", "vllm_python", "vllm_server"]
