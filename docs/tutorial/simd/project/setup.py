"""The extension; everything else is in pyproject.toml.  -march comes from CFLAGS, label by label."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "lanes._kernels",
            ["src/lanes/kernels.c"],
            extra_compile_args=["-O3", "-ffast-math", "-g0"],
            extra_link_args=["-s"],
        )
    ]
)
