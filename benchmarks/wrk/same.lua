-- The same request again and again. Arguments: pause, method, path, body, the text that a right
-- answer holds, then headers as "Name: value".
dofile("report.lua")

function init(arguments)
  pause(tonumber(arguments[1]))
  local headers = {}
  for at = 6, #arguments do
    local name, value = string.match(arguments[at], "^([^:]+): (.*)$")
    headers[name] = value
  end
  expected = arguments[5]
  made = wrk.format(arguments[2], arguments[3], headers, arguments[4] ~= "" and arguments[4] or nil)
end

function request()
  return made
end

function response(status, headers, body)
  judge(status == 200 and string.find(body, expected, 1, true) ~= nil, status, body)
end
