"""Authlib's own Flask integration as a peer: Flask-SQLAlchemy, one row a token, on waitress.

Environment: PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, DATABASE_URL; TOKEN_FORMAT=jwt for
RFC 9068 access tokens. Whoever signs in gets a session; consent is taken for granted.
"""

import os
import time

import waitress
from authlib.integrations.flask_oauth2 import (
    AuthorizationServer,
    ResourceProtector,
    current_token,
)
from authlib.integrations.sqla_oauth2 import (
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_bearer_token_validator,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request, session
from flask_sqlalchemy import SQLAlchemy
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Column, ForeignKey, Integer, String, Text
from sqlalchemy.orm import relationship

ISSUER = f"http://127.0.0.1:{os.environ['PORT']}"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)

app = Flask(__name__)
app.config.update(
    SECRET_KEY="benchmark",
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"],
    SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 16},
    OAUTH2_REFRESH_TOKEN_GENERATOR=True,
    OAUTH2_TOKEN_EXPIRES_IN=dict.fromkeys(
        ("authorization_code", "client_credentials", "refresh_token"), 600
    ),
)
db = SQLAlchemy(app)


class User(db.Model):
    __tablename__ = "person"
    id = Column(Integer, primary_key=True)
    username = Column(String(40), unique=True)

    def get_user_id(self):
        return self.id


class Client(db.Model, OAuth2ClientMixin):
    __tablename__ = "oauth2_client"
    id = Column(Integer, primary_key=True)


class Code(db.Model, OAuth2AuthorizationCodeMixin):
    __tablename__ = "oauth2_code"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("person.id"))


class Token(db.Model, OAuth2TokenMixin):
    __tablename__ = "oauth2_token"
    id = Column(Integer, primary_key=True)
    access_token = Column(Text, unique=True, nullable=False)
    user_id = Column(Integer, ForeignKey("person.id"))
    user = relationship("User")


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    def save_authorization_code(self, code, request):
        data = request.payload.data
        db.session.add(Code(
            code=code, client_id=request.client.client_id, redirect_uri=data["redirect_uri"],
            scope=request.payload.scope, user_id=request.user.id, nonce=data.get("nonce"),
            code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"),
        ))  # fmt: skip
        db.session.commit()

    def query_authorization_code(self, code, client):
        found = Code.query.filter_by(code=code, client_id=client.client_id).first()
        return found if found and not found.is_expired() else None

    def delete_authorization_code(self, authorization_code):
        db.session.delete(authorization_code)
        db.session.commit()

    def authenticate_user(self, authorization_code):
        return db.session.get(User, authorization_code.user_id)


class IDToken(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return False

    def get_jwt_config(self, *_arguments):
        return {"key": KEY, "alg": "RS256", "iss": ISSUER, "exp": 600}

    def generate_user_info(self, user, scope):
        return UserInfo(sub=str(user.id))


class RefreshTokenGrant(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        found = Token.query.filter_by(refresh_token=refresh_token).first()
        return found if found and not found.is_revoked() else None

    def authenticate_user(self, refresh_token):
        return db.session.get(User, refresh_token.user_id)

    def revoke_old_credential(self, refresh_token):
        refresh_token.access_token_revoked_at = refresh_token.refresh_token_revoked_at = int(
            time.time()
        )
        db.session.commit()


class Introspection(IntrospectionEndpoint):
    def query_token(self, token, token_type_hint):
        return Token.query.filter_by(access_token=token).first()

    def check_permission(self, token, client, request):
        return token.check_client(client)

    def introspect_token(self, token):
        return {
            "active": True, "client_id": token.client_id, "token_type": "Bearer",
            "sub": str(token.user_id), "scope": token.scope, "iss": ISSUER,
            "iat": token.issued_at, "exp": token.issued_at + token.expires_in,
        }  # fmt: skip


class JWTTokens(JWTBearerTokenGenerator):
    def get_jwks(self):
        return KeySet([KEY])


server = AuthorizationServer(
    app, create_query_client_func(db.session, Client), create_save_token_func(db.session, Token)
)
if os.environ.get("TOKEN_FORMAT") == "jwt":
    server.register_token_generator("default", JWTTokens(ISSUER))
server.register_grant(AuthorizationCodeGrant, [CodeChallenge(required=True), IDToken()])
server.register_grant(RefreshTokenGrant)
server.register_grant(grants.ClientCredentialsGrant)
server.register_endpoint(Introspection)
protect = ResourceProtector()
protect.register_token_validator(create_bearer_token_validator(db.session, Token)())


@app.post("/login")
def login():
    username = request.form["username"]
    user = User.query.filter_by(username=username).first() or User(username=username)
    db.session.add(user)
    db.session.commit()
    session["user_id"] = user.id
    return "", 204


@app.get("/authorize")
def authorize():
    user = db.session.get(User, session["user_id"])
    grant = server.get_consent_grant(end_user=user)
    return server.create_authorization_response(grant=grant, grant_user=user)


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response("introspection")


@app.get("/userinfo")
@protect("openid")
def userinfo():
    user = current_token.user
    return jsonify(sub=str(user.id), name=user.username)


@app.get("/jwks")
def jwks():
    return jsonify(KeySet([KEY]).as_dict(private=False))


@app.get("/.well-known/openid-configuration")
def discovery():
    return jsonify(
        issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token", userinfo_endpoint=f"{ISSUER}/userinfo",
        introspection_endpoint=f"{ISSUER}/introspect", jwks_uri=f"{ISSUER}/jwks",
        response_types_supported=["code"], subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
    )  # fmt: skip


def prepare():
    db.create_all()
    if Client.query.first() is None:
        client = Client(
            client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"],
            client_id_issued_at=int(time.time()),
        )  # fmt: skip
        client.set_client_metadata({
            "redirect_uris": [os.environ["REDIRECT_URI"]],
            "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid profile email offline_access",
            "token_endpoint_auth_method": "client_secret_basic",
        })  # fmt: skip
        db.session.add(client)
        db.session.commit()


if __name__ == "__main__":
    with app.app_context():
        prepare()
    waitress.serve(app, listen=f"127.0.0.1:{os.environ['PORT']}", threads=16)
