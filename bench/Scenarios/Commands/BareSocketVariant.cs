using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Sluice.Bench.Running;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>
/// The least that a client can do: one blocking socket that sends the frames of so many callers at once and reads until all replies are there, looking at nothing but
/// their line ends.
/// </summary>
internal sealed class BareSocketVariant(CommandUnderTest command, int callers, BenchServer server) : Variant
{
    private readonly byte[] _received = new byte[128 * 1024];
    private byte[] _frames = [];
    private Socket? _socket;

    public override string Name => RespScenario.BareSocket;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _socket.ConnectAsync(server.EndPoint, cancellationToken);
        foreach (string[] setUp in command.SetUp)
            await server.AskAsync(setUp, cancellationToken);
        byte[] frame = Frame(command.Arguments);
        _frames = [.. Enumerable.Repeat(frame, callers).SelectMany(bytes => bytes)];
        Measure(TimeSpan.FromMilliseconds(200));
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        TimeSpan before = await server.CpuAsync(cancellationToken);
        VariantRun run = Measure(duration);
        return run with { ServerCpu = await server.CpuAsync(cancellationToken) - before };
    }

    public override async ValueTask DisposeAsync()
    {
        _socket?.Dispose();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private VariantRun Measure(TimeSpan duration)
    {
        LatencyHistogram latencies = new();
        long operations = 0, began = Stopwatch.GetTimestamp();
        do
        {
            long sent = Stopwatch.GetTimestamp();
            _socket!.Send(_frames);
            for (int awaited = callers * command.ReplyLines; awaited > 0;)
            {
                int read = _socket.Receive(_received);
                if (read == 0)
                    throw new EndOfStreamException("The server closed the connection.");
                awaited -= _received.AsSpan(0, read).Count((byte)'\n');
            }

            latencies.Record(Stopwatch.GetElapsedTime(sent));
            operations += callers;
        }
        while (Stopwatch.GetElapsedTime(began) < duration);
        return new VariantRun(operations, Stopwatch.GetElapsedTime(began), latencies);
    }

    private static byte[] Frame(IReadOnlyList<string> arguments)
    {
        StringBuilder frame = new();
        frame.Append(CultureInfo.InvariantCulture, $"*{arguments.Count}\r\n");
        foreach (string argument in arguments)
            frame.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(argument)}\r\n{argument}\r\n");
        return Encoding.UTF8.GetBytes(frame.ToString());
    }
}
