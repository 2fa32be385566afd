// Hands the answer to the page that made this frame.
new oidc.UserManager({ authority: 'none', client_id: 'none', redirect_uri: 'none' }).signinSilentCallback()
