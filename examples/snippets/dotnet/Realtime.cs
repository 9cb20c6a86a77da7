// dotnet add package PusherClient
using PusherClient;

/// <summary>On a device, localhost is the device: host is the address of the machine that runs fanfare.</summary>
public sealed class Realtime
{
    private readonly Pusher pusher;

    public Realtime(string key, string host, int port, bool tls, string api)
    {
        pusher = new Pusher(key, new PusherOptions
        {
            Host = $"{host}:{port}",
            Encrypted = tls,
            ChannelAuthorizer = new HttpChannelAuthorizer($"{api}/pusher/auth"),
        });
    }

    /// <summary>Calls back for each order with the JSON text of its data.</summary>
    public async Task Listen(Action<string> onOrder)
    {
        await pusher.ConnectAsync();
        var orders = await pusher.SubscribeAsync("private-orders"); // again after each reconnection
        orders.Bind("created", (PusherEvent order) => onOrder(order.Data));
    }
}
