"""Tools for makers of variants and operators of indexes."""
