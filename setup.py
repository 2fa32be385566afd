from io import BytesIO
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

POSTGRESQL = ["psycopg[binary]>=3.2"]


class BuildWithCatalogues(build_py):
    """Builds the package, and in the source tree the catalogues that it reads."""

    def run(self):
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        for source in Path(__file__).parent.glob("oidcserver/locale/*/LC_MESSAGES/*.po"):
            compiled = BytesIO()
            write_mo(compiled, read_po(BytesIO(source.read_bytes())))
            target = source.with_suffix(".mo")
            # A provider that runs may be reading it.
            if not target.exists() or target.read_bytes() != compiled.getvalue():
                target.write_bytes(compiled.getvalue())
        super().run()


setup(
    name="oidcserver",
    version="0.1.0",
    description="An OAuth 2.0 and OpenID Connect provider for Pyramid, on Authlib",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    author="The oidcserver authors",
    # Also directories without modules: templates, static, locale.
    packages=find_namespace_packages(include=["oidcserver", "oidcserver.*"]),
    include_package_data=True,
    # They are made by the build, so that no list of files has them.
    package_data={"": ["*.mo"]},
    cmdclass={"build_py": BuildWithCatalogues},
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=[
        "Authlib>=1.9.9,<2",
        "Babel>=2.17,<3",
        "SQLAlchemy>=2.1,<2.2",
        "alembic>=1.16,<2",
        "argon2-cffi>=25.1,<26",
        "bcrypt>=5,<6",
        "click>=8.3,<9",
        "cryptography>=46",
        "email-validator>=2.3,<3",
        "fido2>=2.2,<3",
        "joserfc>=1.8,<2",
        "multipart>=2,<3",
        "plaster_pastedeploy>=1,<2",
        "precis-i18n>=1.1.2,<2",
        "pyramid>=2.1,<3",
        "pyramid_jinja2>=2.10,<3",
        "pyramid_tm>=2.6,<3",
        "segno>=1.6.6,<2",
        "transaction>=5,<6",
        "tzdata",
        "urllib3>=2.5,<3",
        "waitress>=3.0.2,<4",
        "zxcvbn>=4.5,<5",
        "zope.sqlalchemy>=4,<5",
    ],
    extras_require={
        "docs": ["Sphinx>=9", "furo>=2025.12", "myst-parser>=5.2"],
        "ldap": ["python-ldap>=3.4.8,<4"],
        "postgresql": POSTGRESQL,
        "test": [
            *POSTGRESQL,
            "WebTest>=3.0.7",
            "aiosmtpd>=1.4.6",
            "hypothesis>=6.150",
            "mozilla-django-oidc>=5",
            "mypy>=2",
            "pytest>=9",
            "pytest-timeout>=2.4",
            "pytest-xdist>=3.8",
            "requests>=2.32",
            "ruff>=0.15",
            "selenium>=4.40",
            "types-zxcvbn>=4.5",
        ],
    },
    entry_points={
        "paste.app_factory": ["main = oidcserver:main"],
        "paste.server_factory": ["main = oidcserver.operations.start:make_server"],
        "console_scripts": ["oidcserver = oidcserver.cli:main"],
    },
    classifiers=[
        "Framework :: Pyramid",
        "Programming Language :: Python :: 3",
        "Topic :: Internet :: WWW/HTTP :: Session",
        "Topic :: Security",
    ],
)
