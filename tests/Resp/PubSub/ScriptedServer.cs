using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>A server that a test plays by hand: it sees every command and writes every byte.</summary>
internal sealed class ScriptedServer
{
    private readonly Channel<ScriptedSession> _sessions = System.Threading.Channels.Channel.CreateUnbounded<ScriptedSession>();

    public LinkTerms Terms => new()
    {
        Endpoint = RespEndpoint.Unix("/nowhere"),
        Transport = new RespPipeTransport(Connect),
        Handshake = new NoHandshake(),
        Dials = new DialBudget(1000, 1000),
        BackoffFirst = TimeSpan.FromMilliseconds(1),
        BackoffCap = TimeSpan.FromMilliseconds(5),
        Name = "scripted",
    };

    /// <summary>The next connection of the client.</summary>
    public ValueTask<ScriptedSession> AcceptAsync(CancellationToken cancellationToken) => _sessions.Reader.ReadAsync(cancellationToken);

    private ValueTask<IDuplexPipe> Connect(RespEndpoint endpoint, CancellationToken cancellationToken)
    {
        Pipe toServer = new(), toClient = new();
        _sessions.Writer.TryWrite(new ScriptedSession(toServer.Reader, toClient.Writer));
        return new ValueTask<IDuplexPipe>(new Duplex(toClient.Reader, toServer.Writer));
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class NoHandshake : LinkHandshake
    {
        public override void Perform(RespConnection connection)
        {
        }
    }
}

/// <summary>One connection to a <see cref="ScriptedServer"/>.</summary>
internal sealed class ScriptedSession(PipeReader input, PipeWriter output)
{
    /// <summary>The next command, its arguments separated by a space; null when the client is gone.</summary>
    public async ValueTask<string?> NextAsync(CancellationToken cancellationToken)
    {
        List<string> words = [];
        int left = -1;
        while (left != 0)
        {
            if (await LineAsync(cancellationToken) is not { } line)
                return null;
            if (left < 0)
            {
                left = int.Parse(line.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture);
                continue;
            }

            // The arguments of these tests have no line breaks.
            words.Add((await LineAsync(cancellationToken))!);
            left--;
        }

        return string.Join(' ', words);
    }

    /// <summary>Fails unless these commands come next, in this order.</summary>
    public async ValueTask ExpectAsync(params string[] commands)
    {
        foreach (string command in commands)
            Assert.Equal(command, await NextAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Sends bytes in one piece.</summary>
    public async ValueTask SendAsync(string bytes) => await output.WriteAsync(Encoding.UTF8.GetBytes(bytes), TestContext.Current.CancellationToken);

    /// <summary>Closes the connection from the server's side; who reads commands at that moment gets null.</summary>
    public void Close()
    {
        output.Complete();
        input.CancelPendingRead();
    }

    private async ValueTask<string?> LineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellationToken);
            SequenceReader<byte> bytes = new(read.Buffer);
            if (bytes.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
            {
                string text = Encoding.UTF8.GetString(line);
                input.AdvanceTo(bytes.Position);
                return text;
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
                return null;
        }
    }
}
