"""The provider and jose for Node.js decrypt each other's JWTs."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey
from support.requirements import nodejs

from oidcserver.keys.jwe import ENCODINGS, decrypt, encrypt
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.keys.store import KeyStore

HERE = Path(__file__).parent
COMBINATIONS = list(itertools.product(ENCRYPTION_ALGORITHMS, ENCODINGS))


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
def test_jose_encrypts_and_decrypts_by_every_algorithm(tmp_path: Path) -> None:
    algorithms = ("ES256", *ENCRYPTION_ALGORITHMS)
    store = KeyStore(tmp_path, algorithms, create_missing=True, publish_before=9, keep_after=9)
    ours = {key["alg"]: key for key in json.loads(store.jwks())["keys"]}
    rsa, *curves = (
        RSAKey.generate_key(2048, {"kid": "rsa"}),
        *(ECKey.generate_key(curve, {"kid": curve}) for curve in ("P-256", "P-384", "P-521")),
    )
    theirs = [
        (alg, enc, key)
        for alg, enc in COMBINATIONS
        for key in ([rsa] if alg.startswith("RSA") else curves)
    ]
    work = {
        "encrypt": [
            {"jwk": ours[alg], "alg": alg, "enc": enc, "plaintext": f"{alg} {enc}"}
            for alg, enc in COMBINATIONS
        ],
        "decrypt": [
            {
                "jwk": key.as_dict(private=True),
                "alg": alg,
                "token": encrypt(f"{alg} {enc} {key.kid}", key, alg, enc),
            }
            for alg, enc, key in theirs
        ],
    }
    command = [nodejs() or "", str(HERE / "jose.mjs")]
    answer = subprocess.run(
        command, input=json.dumps(work), capture_output=True, text=True, check=True, timeout=120
    )
    done = json.loads(answer.stdout)
    for (alg, enc), token in zip(COMBINATIONS, done["encrypted"], strict=True):
        assert decrypt(store, token, ENCRYPTION_ALGORITHMS, ENCODINGS) == f"{alg} {enc}"
    for (alg, enc, key), read in zip(theirs, done["decrypted"], strict=True):
        assert read["plaintext"] == f"{alg} {enc} {key.kid}"
        header = read["header"]
        assert [header[name] for name in ("alg", "enc", "kid", "cty")] == [alg, enc, key.kid, "JWT"]
