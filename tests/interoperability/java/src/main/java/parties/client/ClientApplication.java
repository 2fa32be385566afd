package parties.client;

import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A Spring Boot application that signs users in, with logout by either side. */
@SpringBootApplication
@RestController
public class ClientApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(ClientApplication.class, arguments);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository clients) {
        var logout = new OidcClientInitiatedLogoutSuccessHandler(clients);
        logout.setPostLogoutRedirectUri("{baseUrl}/signed-out");
        return http
            .authorizeHttpRequests(requests -> requests
                .requestMatchers("/signed-out").permitAll()
                .anyRequest().authenticated())
            .oauth2Login(Customizer.withDefaults())
            .oidcLogout(oidc -> oidc.backChannel(Customizer.withDefaults()))
            .logout(form -> form.logoutSuccessHandler(logout))
            .build();
    }

    @GetMapping("/")
    Map<String, Object> user(
            @AuthenticationPrincipal OidcUser user,
            @RegisteredOAuth2AuthorizedClient("oidcserver") OAuth2AuthorizedClient client,
            CsrfToken csrf) {
        var answer = new LinkedHashMap<String, Object>();
        answer.put("subject", user.getSubject());
        answer.put("email", user.getEmail());
        answer.put("username", user.getPreferredUsername());
        answer.put("access_token", client.getAccessToken().getTokenValue());
        answer.put("csrf", csrf.getToken());
        return answer;
    }

    @GetMapping("/signed-out")
    String signedOut() {
        return "signed out";
    }
}
