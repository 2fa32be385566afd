// A site that signs users in with passport-openidconnect.

import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

import { readConfiguration, serve } from './site.mjs'

const { port, site, options } = await readConfiguration()

passport.use(new OpenIDConnectStrategy(
  options,
  (_issuer, profile, _context, idToken, verified) => verified(null, { profile, idToken }),
))
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const application = express()
application.use(session({ secret: 'test', resave: false, saveUninitialized: false }))
application.use(passport.session())
application.get('/', (request, response) => response.json(request.user?.profile ?? null))
application.get('/login', passport.authenticate('openidconnect'))
application.get('/callback', passport.authenticate('openidconnect', { successRedirect: '/' }))
// The library leaves the sign-out at the provider to the site.
application.get('/logout', (request, response, next) => {
  const query = new URLSearchParams({
    id_token_hint: request.user.idToken,
    post_logout_redirect_uri: `${site}/`,
  })
  request.logout((problem) => {
    if (problem) return next(problem)
    response.redirect(`${options.issuer}/oauth/end_session?${query}`)
  })
})
serve(application, port)
