from setuptools import find_packages, setup

setup(
    name="intranet",
    version="0.1",
    packages=find_packages(),
    include_package_data=True,
    package_data={"intranet": ["templates/*.jinja2"]},
    install_requires=[
        "argon2-cffi", "oidcserver", "plaster_pastedeploy", "pyramid", "pyramid_jinja2",
        "pyramid_tm", "SQLAlchemy", "zope.sqlalchemy",
    ],
    entry_points={"paste.app_factory": ["main = intranet:main"]},
)  # fmt: skip
