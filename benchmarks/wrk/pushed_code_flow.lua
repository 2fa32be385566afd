-- The authorization code flow of a user who is signed in and has consented, by a pushed request:
-- push, authorize, redeem the code. Each ID token counts. Arguments: pause, Cookie, token path,
-- Authorization, the token request without its code, path of pushed requests, the request, the
-- authorization path with the client.
dofile("report.lua")

local codes, pushed = {}, {}

function init(arguments)
  pause(tonumber(arguments[1]))
  cookie, token_path = { Cookie = arguments[2] }, arguments[3]
  headers = {
    Authorization = arguments[4],
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }
  form = arguments[5]
  push = wrk.format("POST", arguments[6], headers, arguments[7])
  authorize = arguments[8]
end

function request()
  local code = table.remove(codes)
  if code then return wrk.format("POST", token_path, headers, form .. "&code=" .. code) end
  local uri = table.remove(pushed)
  if uri then return wrk.format("GET", authorize .. "&request_uri=" .. uri, cookie) end
  return push
end

function response(status, headers, body)
  local location = headers["Location"] or headers["location"] or ""
  local code = string.match(location, "[?&]code=([^&#]+)")
  local uri = status == 201 and string.match(body, '"request_uri": ?"([^"]+)"')
  if (status == 302 or status == 303) and code then
    table.insert(codes, code)
  elseif uri then
    table.insert(pushed, uri)
  else
    judge(status == 200 and string.find(body, '"id_token"', 1, true) ~= nil, status,
      body .. location)
  end
end
