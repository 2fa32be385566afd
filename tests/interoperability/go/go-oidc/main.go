// A relying party on go-oidc and x/oauth2, as their documentation uses them.
// See support/relying_party_process.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type configuration struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
	Scope        string `json:"scope"`
}

var (
	ctx    = context.Background()
	lines  = bufio.NewScanner(os.Stdin)
	random = oauth2.GenerateVerifier // a random text of 43 characters
)

func main() {
	log.SetFlags(0)
	var own configuration
	hear(&own)
	provider, err := oidc.NewProvider(ctx, own.Issuer)
	must(err)
	config := oauth2.Config{
		ClientID:     own.ClientID,
		ClientSecret: own.ClientSecret,
		Endpoint:     provider.Endpoint(),
		RedirectURL:  own.RedirectURI,
		Scopes:       strings.Fields(own.Scope),
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: own.ClientID})
	party := relyingParty{config, provider, verifier}

	report := map[string]any{}
	first, idToken, err := party.login()
	must(err)
	report["subject"] = idToken.Subject
	report["id_token"] = first.Extra("id_token")
	report["userinfo"], err = party.userinfo(first)
	must(err)
	second, err := party.refresh(first)
	report["refresh"] = refusal(err)
	must(err)
	report["rotated"] = second.RefreshToken != first.RefreshToken
	report["id_token_after_refresh"] = second.Extra("id_token")
	report["userinfo_after_refresh"], err = party.userinfo(second)
	must(err)
	var done bool
	ask(map[string]any{"sign_out": true}, &done)
	_, err = party.userinfo(second)
	report["userinfo_after_sign_out"] = refusal(err)
	_, err = party.refresh(second)
	report["refresh_after_sign_out"] = refusal(err)
	_, _, err = party.login(oauth2.SetAuthURLParam("prompt", "none"))
	report["silent_login_after_sign_out"] = refusal(err)
	_, idToken, err = party.login()
	must(err)
	report["subject_after_sign_out"] = idToken.Subject
	say(map[string]any{"report": report})
}

type relyingParty struct {
	config   oauth2.Config
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
}

func (party *relyingParty) login(options ...oauth2.AuthCodeOption) (*oauth2.Token, *oidc.IDToken, error) {
	state, nonce := random(), random()
	options = append(options, oidc.Nonce(nonce))
	var exchange []oauth2.AuthCodeOption
	if party.config.ClientSecret == "" {
		pkce := oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(pkce))
		exchange = append(exchange, oauth2.VerifierOption(pkce))
	}
	var answer string
	ask(map[string]any{"open": party.config.AuthCodeURL(state, options...)}, &answer)
	parsed, err := url.Parse(answer)
	must(err)
	query := parsed.Query()
	if query.Get("state") != state {
		log.Fatal("the state is another")
	}
	if code := query.Get("error"); code != "" {
		return nil, nil, &oauth2.RetrieveError{ErrorCode: code}
	}
	token, err := party.config.Exchange(ctx, query.Get("code"), exchange...)
	if err != nil {
		return nil, nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := party.verifier.Verify(ctx, raw)
	must(err)
	must(idToken.VerifyAccessToken(token.AccessToken))
	if idToken.Nonce != nonce {
		log.Fatal("the nonce is another")
	}
	return token, idToken, nil
}

// refresh takes a source of tokens whose access token has run out.
func (party *relyingParty) refresh(token *oauth2.Token) (*oauth2.Token, error) {
	return party.config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
}

func (party *relyingParty) userinfo(token *oauth2.Token) (map[string]any, error) {
	info, err := party.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	return claims, info.Claims(&claims)
}

// refusal is the error code of an answer, or the library's sentence; nothing for a success.
func refusal(err error) string {
	var answer *oauth2.RetrieveError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer):
		return answer.ErrorCode
	}
	return err.Error()
}

func say(message any) {
	line, err := json.Marshal(message)
	must(err)
	fmt.Println(string(line))
}

func hear(answer any) {
	if !lines.Scan() {
		log.Fatal("nobody answers")
	}
	must(json.Unmarshal(lines.Bytes(), answer))
}

func ask(message, answer any) {
	say(message)
	hear(answer)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
