//! A relying party on the crate openidconnect, as its documentation uses it.
//! See support/relying_party_process.py.

use std::io::{self, BufRead, Write};

use anyhow::{Context, Result, anyhow, ensure};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    RedirectUrl, RefreshToken, Scope, TokenResponse, UserInfoError,
};
use serde_json::{Value, json};
use url::Url;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

struct RelyingParty {
    client: Client,
    http: reqwest::Client,
    scopes: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let own = hear()?;
    let text = |name: &str| own[name].as_str().unwrap_or_default().to_string();

    let http = reqwest::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let metadata =
        CoreProviderMetadata::discover_async(IssuerUrl::new(text("issuer"))?, &http).await?;
    let secret = Some(text("client_secret")).filter(|secret| !secret.is_empty());
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(text("client_id")),
        secret.map(ClientSecret::new),
    )
    .set_redirect_uri(RedirectUrl::new(text("redirect_uri"))?);
    let party = RelyingParty {
        client,
        http,
        scopes: text("scope").split(' ').map(str::to_string).collect(),
    };

    let mut report = json!({});
    let (first, subject) = party.login(None).await?;
    report["subject"] = json!(subject);
    report["userinfo"] = party.userinfo(&first).await?;
    let second = party.refresh(&first).await?;
    report["refresh"] = json!("");
    report["rotated"] = json!(secret_of(&first) != secret_of(&second));
    report["userinfo_after_refresh"] = party.userinfo(&second).await?;
    ask(json!({"sign_out": true}))?;
    report["userinfo_after_sign_out"] = json!(refusal(party.userinfo(&second).await));
    report["refresh_after_sign_out"] = json!(refusal(party.refresh(&second).await));
    report["silent_login_after_sign_out"] = json!(refusal(party.login(Some("none")).await));
    report["subject_after_sign_out"] = json!(party.login(None).await?.1);
    say(json!({"report": report}))
}

impl RelyingParty {
    async fn login(&self, prompt: Option<&str>) -> Result<(CoreTokenResponse, String)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = self
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in self.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(prompt) = prompt {
            request = request.add_extra_param("prompt", prompt);
        }
        let (url, state, nonce) = request.url();
        let answer = ask(json!({"open": url.as_str()}))?;
        let answer = Url::parse(answer.as_str().context("no URL")?)?;
        let parameter = |name: &str| {
            let mut pairs = answer.query_pairs();
            pairs
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        ensure!(
            parameter("state").as_ref() == Some(state.secret()),
            "the state is another"
        );
        if let Some(error) = parameter("error") {
            return Err(anyhow!(error));
        }
        let tokens = self
            .client
            .exchange_code(AuthorizationCode::new(
                parameter("code").context("no code")?,
            ))?
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await?;
        let id_token = tokens.id_token().context("no ID token")?;
        let id_token_verifier = self.client.id_token_verifier();
        let claims: &CoreIdTokenClaims = id_token.claims(&id_token_verifier, &nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let actual = AccessTokenHash::from_token(
                tokens.access_token(),
                id_token.signing_alg()?,
                id_token.signing_key(&id_token_verifier)?,
            )?;
            ensure!(actual == *expected, "the access token is another");
        }
        let subject = claims.subject().to_string();
        Ok((tokens, subject))
    }

    async fn refresh(&self, tokens: &CoreTokenResponse) -> Result<CoreTokenResponse> {
        let token = RefreshToken::new(secret_of(tokens).context("no refresh token")?);
        Ok(self
            .client
            .exchange_refresh_token(&token)?
            .request_async(&self.http)
            .await?)
    }

    async fn userinfo(&self, tokens: &CoreTokenResponse) -> Result<Value> {
        let claims: CoreUserInfoClaims = self
            .client
            .user_info(tokens.access_token().to_owned(), None)?
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                UserInfoError::Response(status, _, _) => anyhow!(status),
                other => anyhow!(other),
            })?;
        Ok(serde_json::to_value(claims)?)
    }
}

fn secret_of(tokens: &CoreTokenResponse) -> Option<String> {
    tokens.refresh_token().map(|token| token.secret().clone())
}

/// The whole chain of what went wrong; nothing for a success.
fn refusal<T>(result: Result<T>) -> String {
    result
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default()
}

fn say(message: Value) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{message}")?;
    Ok(out.flush()?)
}

fn hear() -> Result<Value> {
    let line = io::stdin()
        .lock()
        .lines()
        .next()
        .context("nobody answers")??;
    Ok(serde_json::from_str(&line)?)
}

fn ask(message: Value) -> Result<Value> {
    say(message)?;
    hear()
}
