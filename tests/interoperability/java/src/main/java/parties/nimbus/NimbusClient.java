package parties.nimbus;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.AuthorizationCode;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.AuthorizationResponse;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;

/** A relying party on the OAuth 2.0 SDK of Nimbus. See support/relying_party_process.py. */
public final class NimbusClient {
    private final OIDCProviderMetadata provider;
    private final ClientSecretBasic credentials;

    private NimbusClient(OIDCProviderMetadata provider, ClientSecretBasic credentials) {
        this.provider = provider;
        this.credentials = credentials;
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        Map<String, Object> configuration = JSONObjectUtils.parse(input.readLine());
        var issuer = new Issuer((String) configuration.get("issuer"));
        var client = new ClientID((String) configuration.get("client_id"));
        var secret = new Secret((String) configuration.get("client_secret"));
        var redirectUri = URI.create((String) configuration.get("redirect_uri"));
        var provider = OIDCProviderMetadata.resolve(issuer);
        var credentials = new ClientSecretBasic(client, secret);
        var party = new NimbusClient(provider, credentials);

        var state = new State();
        var nonce = new Nonce();
        var verifier = new CodeVerifier();
        var request = new AuthenticationRequest.Builder(
                ResponseType.CODE, new Scope("openid", "profile", "email"), client, redirectUri)
            .endpointURI(party.provider.getAuthorizationEndpointURI())
            .state(state)
            .nonce(nonce)
            .codeChallenge(verifier, CodeChallengeMethod.S256)
            .build();
        say(Map.of("open", request.toURI().toString()));
        // The answer is a JSON string without escapes.
        var answer = input.readLine().replace("\"", "");
        var response = AuthorizationResponse.parse(URI.create(answer)).toSuccessResponse();
        if (!state.equals(response.getState()) || !issuer.equals(response.getIssuer())) {
            throw new IllegalStateException("The answer is not of this provider.");
        }

        var report = new LinkedHashMap<String, Object>();
        AuthorizationCode code = response.getAuthorizationCode();
        var first = party.ask(new AuthorizationCodeGrant(code, redirectUri, verifier));
        var validator = new IDTokenValidator(
            issuer, client, JWSAlgorithm.RS256, party.provider.getJWKSetURI().toURL());
        var claims = validator.validate(first.getOIDCTokens().getIDToken(), nonce);
        report.put("subject", claims.getSubject().getValue());
        report.put("userinfo", party.userInfo(first));
        var second = party.ask(new RefreshTokenGrant(first.getTokens().getRefreshToken()));
        report.put("rotated", !second.getTokens().getRefreshToken()
            .equals(first.getTokens().getRefreshToken()));
        report.put("active", party.isActive(second.getTokens().getAccessToken()));
        var revocation = new TokenRevocationRequest(
            party.provider.getRevocationEndpointURI(), party.credentials,
            second.getTokens().getRefreshToken());
        report.put("revocation", revocation.toHTTPRequest().send().getStatusCode());
        report.put("active_after_revocation", party.isActive(second.getTokens().getAccessToken()));
        say(Map.of("report", report));
    }

    private static void say(Map<String, ?> message) {
        System.out.println(com.nimbusds.jose.util.JSONObjectUtils.toJSONString(message));
    }

    private OIDCTokenResponse ask(AuthorizationGrant grant) throws Exception {
        var request = new TokenRequest(provider.getTokenEndpointURI(), credentials, grant, null);
        var response = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            throw new IllegalStateException(response.toErrorResponse().toJSONObject().toString());
        }
        return (OIDCTokenResponse) response.toSuccessResponse();
    }

    private Map<String, Object> userInfo(OIDCTokenResponse tokens) throws Exception {
        var request = new UserInfoRequest(
            provider.getUserInfoEndpointURI(), tokens.getTokens().getBearerAccessToken());
        return UserInfoResponse.parse(request.toHTTPRequest().send())
            .toSuccessResponse().getUserInfo().toJSONObject();
    }

    private boolean isActive(AccessToken token) throws Exception {
        var request = new TokenIntrospectionRequest(
            provider.getIntrospectionEndpointURI(), credentials, token);
        return TokenIntrospectionResponse.parse(request.toHTTPRequest().send())
            .toSuccessResponse().isActive();
    }
}
