// A site that signs users in with express-openid-connect.

import express from 'express'
import oidc from 'express-openid-connect'

import { readConfiguration, serve } from './site.mjs'

const { port, options } = await readConfiguration()
const { auth, requiresAuth } = oidc

const application = express()
application.use(auth({ ...options, authRequired: false }))
application.get('/', (request, response) => response.json(request.oidc.user ?? null))
application.get('/userinfo', requiresAuth(), async (request, response) => {
  response.json(await request.oidc.fetchUserInfo())
})
application.get('/refresh', requiresAuth(), async (request, response) => {
  const former = request.oidc.accessToken.access_token
  const { access_token } = await request.oidc.accessToken.refresh()
  response.json({ refreshed: access_token !== former })
})
serve(application, port)
