// A single-page application on oidc-client-ts. The test calls `manager`; the title tells the state.

async function start() {
  const settings = await (await fetch('/settings.json')).json()
  window.manager = new oidc.UserManager({
    ...settings,
    redirect_uri: `${location.origin}/`,
    loadUserInfo: true,
    automaticSilentRenew: false,
  })
  if (new URLSearchParams(location.search).has('state')) {
    await manager.signinRedirectCallback()
    history.replaceState(null, '', '/')
  }
  return (await manager.getUser()) ? 'signed in' : 'signed out'
}

start().then((state) => { document.title = state }, (problem) => { document.title = String(problem) })
