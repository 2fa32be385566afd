// A site that signs users in with Auth.js.

import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'

import { readConfiguration, serve } from './site.mjs'

const { port, options } = await readConfiguration()
const config = {
  providers: [options],
  secret: 'a secret of the application that encrypts its cookie',
  trustHost: true,
}

const application = express()
application.use(/^\/auth\/(.*)/, ExpressAuth(config))
application.get('/', async (request, response) => {
  response.json(await getSession(request, config))
})
serve(application, port)
