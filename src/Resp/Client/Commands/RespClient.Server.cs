using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>PING: ends when the server has answered.</summary>
    public ValueTask PingAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Ping).ExecuteAsync(timeout, cancellationToken);

    /// <summary>ECHO: the message as it came back.</summary>
    public ValueTask<string?> EchoAsync(RespArgument message, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Echo).Write(message).ToTextAsync(timeout, cancellationToken);

    /// <summary>TIME: the server's clock, to the microsecond, at some moment between call and reply.</summary>
    public ValueTask<DateTimeOffset> TimeAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Time).ToAsync(ReadTime, timeout, cancellationToken);

    /// <summary>INFO, all of it or one section, as the server writes it.</summary>
    public ValueTask<string?> InfoAsync(string? section = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RespCommand command = Command("INFO");
        if (section is not null)
            command.Write(section);
        return command.ToTextAsync(timeout, cancellationToken);
    }

    /// <summary>PUBLISH.</summary>
    /// <returns>How many subscribers of this server got it.</returns>
    public ValueTask<long> PublishAsync(RespArgument channel, RespArgument message, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Publish).Write(channel).Write(message).ToInt64Async(timeout, cancellationToken);

    private static DateTimeOffset ReadTime(ref RespReader reply)
    {
        long seconds = 0, microseconds = 0;
        int index = 0;
        foreach (RespReader item in reply.Children)
        {
            if (index++ == 0)
                seconds = item.ReadInt64();
            else
                microseconds = item.ReadInt64();
        }

        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);
    }
}
