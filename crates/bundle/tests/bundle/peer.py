"""What securesystemslib says of an envelope, or an envelope that it signs: JSON in, JSON out."""

import json
import sys

from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey


def verify(asked):
    """The key ids that it accepts, or why it refuses."""
    keys = [
        SSlibKey.from_crypto(load_pem_public_key(pem.encode()), keyid=keyid)
        for keyid, pem in asked["keys"].items()
    ]
    envelope = Envelope.from_dict(asked["envelope"])
    try:
        accepted = envelope.verify(keys, asked["threshold"])
    except VerificationError as refused:
        return {"refused": str(refused)}
    return {
        "accepted": sorted(accepted),
        "payload": json.loads(envelope.payload),
        "pae": envelope.pae().decode(),
    }


def sign(asked):
    """An envelope around a payload, signed by every key."""
    envelope = Envelope(asked["payload"].encode(), asked["payload_type"], {})
    for keyid, pem in asked["keys"].items():
        private = load_pem_private_key(pem.encode(), password=None)
        public = SSlibKey.from_crypto(private.public_key(), keyid=keyid)
        envelope.sign(CryptoSigner(private, public))
    return envelope.to_dict()


asked = json.load(sys.stdin)
json.dump({"verify": verify, "sign": sign}[asked["do"]](asked), sys.stdout)
