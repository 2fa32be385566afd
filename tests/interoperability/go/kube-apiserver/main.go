// The Kubernetes API server's token authenticator with a file of its --authentication-config.
//
// It reads the file's name from its argument and ID tokens from its input, one a line, and says who
// each is, or why it is not accepted, as one line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

type answer struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
	Error    string   `json:"error"`
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	options := oidc.Options{JWTAuthenticator: configured(os.Args[1])}
	if authority := options.JWTAuthenticator.Issuer.CertificateAuthority; authority != "" {
		content, err := dynamiccertificates.NewStaticCAContent("oidc", []byte(authority))
		must(err)
		options.CAContentProvider = content
	}
	authenticator, err := oidc.New(ctx, options)
	must(err)
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err := authenticator.HealthCheck(); err == nil {
			break
		} else if time.Now().After(deadline) {
			log.Fatal(err)
		}
	}
	tokens := bufio.NewScanner(os.Stdin)
	tokens.Buffer(nil, 1<<20)
	for tokens.Scan() {
		response, accepted, err := authenticator.AuthenticateToken(ctx, tokens.Text())
		said := answer{}
		switch {
		case err != nil:
			said.Error = err.Error()
		case !accepted:
			said.Error = "the token is of another issuer"
		default:
			said.Username, said.Groups = response.User.GetName(), response.User.GetGroups()
		}
		must(json.NewEncoder(os.Stdout).Encode(said))
	}
	must(tokens.Err())
}

// configured reads the file as strictly as the API server does.
func configured(name string) apiserver.JWTAuthenticator {
	data, err := os.ReadFile(name)
	must(err)
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	configuration := &apiserver.AuthenticationConfiguration{}
	must(runtime.DecodeInto(codecs.UniversalDecoder(), data, configuration))
	return configuration.JWT[0]
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
