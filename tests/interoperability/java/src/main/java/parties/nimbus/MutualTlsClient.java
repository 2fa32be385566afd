package parties.nimbus;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.AuthorizationRequest;
import com.nimbusds.oauth2.sdk.AuthorizationResponse;
import com.nimbusds.oauth2.sdk.PushedAuthorizationRequest;
import com.nimbusds.oauth2.sdk.PushedAuthorizationResponse;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.PKITLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.SelfSignedTLSClientAuthentication;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.util.tls.TLSUtils;
import com.nimbusds.oauth2.sdk.util.tls.TLSVersion;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderEndpointMetadata;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.URI;
import java.security.KeyStore;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.ssl.SSLSocketFactory;

/**
 * A relying party on the OAuth 2.0 SDK of Nimbus that pushes its request and authenticates by its
 * certificate. See support/relying_party_process.py.
 */
public final class MutualTlsClient {
    private final OIDCProviderEndpointMetadata endpoints;
    private final ClientAuthentication credentials;

    private MutualTlsClient(
            OIDCProviderEndpointMetadata endpoints, ClientAuthentication credentials) {
        this.endpoints = endpoints;
        this.credentials = credentials;
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        Map<String, Object> configuration = JSONObjectUtils.parse(input.readLine());
        var issuer = new Issuer((String) configuration.get("issuer"));
        var client = new ClientID((String) configuration.get("client_id"));
        var redirectUri = URI.create((String) configuration.get("redirect_uri"));
        var file = new File((String) configuration.get("certificate"));
        var password = ((String) configuration.get("password")).toCharArray();

        var certificate = KeyStore.getInstance(file, password);
        var sockets = TLSUtils.createSSLSocketFactory(null, certificate, password, TLSVersion.TLS_1_3);
        var provider = OIDCProviderMetadata.resolve(issuer);
        var endpoints = provider.getMtlsEndpointAliases();
        var party = new MutualTlsClient(
            endpoints, authentication((String) configuration.get("method"), client, sockets));

        var state = new State();
        var nonce = new Nonce();
        var verifier = new CodeVerifier();
        var request = new AuthenticationRequest.Builder(
                ResponseType.CODE, new Scope("openid", "profile", "email"), client, redirectUri)
            .state(state)
            .nonce(nonce)
            .codeChallenge(verifier, CodeChallengeMethod.S256)
            .build();
        var opened = new AuthorizationRequest.Builder(party.push(request), client)
            .endpointURI(provider.getAuthorizationEndpointURI())
            .build();
        say(Map.of("open", opened.toURI().toString()));
        // The answer is a JSON string without escapes.
        var answer = input.readLine().replace("\"", "");
        var response = AuthorizationResponse.parse(URI.create(answer)).toSuccessResponse();
        if (!state.equals(response.getState()) || !issuer.equals(response.getIssuer())) {
            throw new IllegalStateException("The answer is not of this provider.");
        }

        var report = new LinkedHashMap<String, Object>();
        var first = party.ask(new AuthorizationCodeGrant(
            response.getAuthorizationCode(), redirectUri, verifier));
        var validator = new IDTokenValidator(
            issuer, client, JWSAlgorithm.RS256, provider.getJWKSetURI().toURL());
        var claims = validator.validate(first.getOIDCTokens().getIDToken(), nonce);
        report.put("subject", claims.getSubject().getValue());
        var second = party.ask(new RefreshTokenGrant(first.getTokens().getRefreshToken()));
        var token = second.getTokens().getBearerAccessToken();
        report.put("thumbprint", party.thumbprint(token));
        var asked = new UserInfoRequest(endpoints.getUserInfoEndpointURI(), token).toHTTPRequest();
        asked.setSSLSocketFactory(sockets);
        report.put("userinfo", UserInfoResponse.parse(asked.send())
            .toSuccessResponse().getUserInfo().toJSONObject());
        HTTPResponse without = new UserInfoRequest(provider.getUserInfoEndpointURI(), token)
            .toHTTPRequest().send();
        report.put("without_certificate", without.getStatusCode());
        say(Map.of("report", report));
    }

    private static ClientAuthentication authentication(
            String method, ClientID client, SSLSocketFactory sockets) {
        if (method.equals("tls_client_auth")) {
            return new PKITLSClientAuthentication(client, sockets);
        }
        return new SelfSignedTLSClientAuthentication(client, sockets);
    }

    private static void say(Map<String, ?> message) {
        System.out.println(JSONObjectUtils.toJSONString(message));
    }

    private URI push(AuthorizationRequest request) throws Exception {
        var pushed = new PushedAuthorizationRequest(
            endpoints.getPushedAuthorizationRequestEndpointURI(), credentials, request);
        var response = PushedAuthorizationResponse.parse(pushed.toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            throw new IllegalStateException(
                response.toErrorResponse().getErrorObject().toJSONObject().toString());
        }
        return response.toSuccessResponse().getRequestURI();
    }

    private OIDCTokenResponse ask(AuthorizationGrant grant) throws Exception {
        var request = new TokenRequest(endpoints.getTokenEndpointURI(), credentials, grant, null);
        var response = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            throw new IllegalStateException(response.toErrorResponse().toJSONObject().toString());
        }
        return (OIDCTokenResponse) response.toSuccessResponse();
    }

    private String thumbprint(AccessToken token) throws Exception {
        var request = new TokenIntrospectionRequest(
            endpoints.getIntrospectionEndpointURI(), credentials, token);
        return TokenIntrospectionResponse.parse(request.toHTTPRequest().send())
            .toSuccessResponse().getX509CertificateConfirmation().getValue().toString();
    }
}
