-- Refresh tokens that rotate: each answer brings the token of a later request. Arguments: pause,
-- path, Authorization, the text that a right answer holds, then the first tokens, more than there
-- are connections.
dofile("report.lua")

local tokens, first, last = {}, 1, 0

function init(arguments)
  pause(tonumber(arguments[1]))
  path = arguments[2]
  headers = {
    Authorization = arguments[3],
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }
  expected = arguments[4]
  for at = 5, #arguments do
    last = last + 1
    tokens[last] = arguments[at]
  end
end

function request()
  local token = tokens[first]
  tokens[first] = nil
  first = first + 1
  return wrk.format("POST", path, headers, "grant_type=refresh_token&refresh_token=" .. token)
end

function response(status, headers, body)
  local token = string.match(body, '"refresh_token": ?"([^"]+)"')
  local fits = status == 200 and token ~= nil and string.find(body, expected, 1, true)
  judge(fits ~= nil and fits ~= false, status, body)
  if token then
    last = last + 1
    tokens[last] = token
  end
end
