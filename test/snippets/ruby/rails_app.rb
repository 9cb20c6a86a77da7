# Serves examples/snippets/rails with somebody logged in: FILE PORT. The gems pusher and
# rails come from a registry that tests do not ask, so what the controller uses of them is here.
require "digest"
require "json"
require "net/http"
require "openssl"
require "uri"
require_relative "../../support/rack"

module Pusher
  # What pusher 2.1.0 signs and sends.
  class Client
    def initialize(app_id:, key:, secret:, host:, port:, use_tls:)
      @app_id, @key, @secret = app_id, key, secret
      @base = URI("http#{"s" if use_tls}://#{host}:#{port}")
    end

    def authenticate(channel, socket_id, member = nil)
      data = JSON.generate(member) if member
      { auth: "#{@key}:#{sign([socket_id, channel, data].compact.join(":"))}", channel_data: data }.compact
    end

    def trigger(channels, event, data)
      path, body = "/apps/#{@app_id}/events", JSON.generate(name: event, channels: Array(channels), data: JSON.generate(data))
      query = { auth_key: @key, auth_timestamp: Time.now.to_i, auth_version: "1.0", body_md5: Digest::MD5.hexdigest(body) }
      query = query.map { |k, v| "#{k}=#{v}" }.join("&")
      answer = Net::HTTP.post(URI("#{@base}#{path}?#{query}&auth_signature=#{sign("POST\n#{path}\n#{query}")}"), body, "Content-Type" => "application/json")
      raise answer.body unless answer.code == "200"
    end

    private

    def sign(text) = OpenSSL::HMAC.hexdigest("SHA256", @secret, text)
  end
end

# The parameters of a request.
class Params < Hash
  def require(key) = fetch(key.to_s)

  def values_at(*keys) = super(*keys.map(&:to_s))
end

class ApplicationController
  attr_reader :params, :answer

  def initialize(params) = @params = params

  def current_user = Struct.new(:id, :name).new(1, "Ann")

  def head(_status) = @answer = [403, {}, []]

  def render(json:) = @answer = [200, { "Content-Type" => "application/json" }, [JSON.generate(json)]]
end

load File.expand_path(ARGV[0])

routes = { "/pusher/auth" => :authorize, "/orders" => :create } # as the first line of the snippet says
serve(Integer(ARGV[1]), lambda do |env|
  action = routes[env["PATH_INFO"]] or return [404, {}, []]
  text = env["rack.input"].read.force_encoding("UTF-8")
  values = env["HTTP_CONTENT_TYPE"].to_s.include?("json") ? JSON.parse(text) : URI.decode_www_form(text).to_h
  controller = RealtimeController.new(Params.new.merge!(values))
  controller.public_send(action)
  controller.answer
end)
