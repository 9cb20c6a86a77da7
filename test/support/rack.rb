# Serves an app of Rack as its web servers do, as far as the manual's code asks for it: PORT, then what the block gives.
require "socket"
require "stringio"

def serve(port, app)
  server = TCPServer.new("127.0.0.1", port)
  loop do
    Thread.new(server.accept) do |socket|
      method, target, = socket.gets.to_s.split(" ")
      env = { "REQUEST_METHOD" => method, "PATH_INFO" => target }
      while (line = socket.gets&.chomp) && !line.empty?
        name, value = line.split(": ", 2)
        env["HTTP_#{name.upcase.tr("-", "_")}"] = value
      end
      env["rack.input"] = StringIO.new(socket.read(env["HTTP_CONTENT_LENGTH"].to_i).to_s)
      status, headers, parts = app.call(env)
      body = parts.join
      lines = headers.merge("Content-Length" => body.bytesize, "Connection" => "close").map { |k, v| "#{k}: #{v}\r\n" }
      socket.write("HTTP/1.1 #{status} x\r\n#{lines.join}\r\n#{body}")
    rescue StandardError => e
      warn e.full_message(highlight: false)
    ensure
      socket.close
    end
  end
end
