"""ReSet: rejection sampling for continued self-instruction tuning (EMNLP 2024, arXiv
2407.21417).
"""
