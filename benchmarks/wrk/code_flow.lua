-- The whole authorization code flow of somebody who is signed in and has consented: authorize,
-- then redeem the code. Each ID token counts. Arguments: pause, authorization path with its
-- query, Cookie, token path, Authorization, the token request without its code.
dofile("report.lua")

local codes = {}

function init(arguments)
  pause(tonumber(arguments[1]))
  authorize = wrk.format("GET", arguments[2], { Cookie = arguments[3] })
  path = arguments[4]
  headers = {
    Authorization = arguments[5],
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }
  form = arguments[6]
end

function request()
  local code = table.remove(codes)
  if not code then return authorize end
  return wrk.format("POST", path, headers, form .. "&code=" .. code)
end

function response(status, headers, body)
  local location = headers["Location"] or headers["location"] or ""
  local code = string.match(location, "[?&]code=([^&#]+)")
  if (status == 302 or status == 303) and code then
    table.insert(codes, code)
  else
    judge(status == 200 and string.find(body, '"id_token"', 1, true) ~= nil, status,
      body .. location)
  end
end
