using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;

namespace Sluice.Resp.Tests.Client;

/// <summary>A server of a few lines behind a pair of pipes: reads commands by hand, answers what the test says, and remembers what came together.</summary>
internal sealed class FakeServer
{
    private readonly Func<string[], string?> _answer;

    /// <param name="answer">The raw reply; null: closes the connection.</param>
    public FakeServer(Func<string[], string?> answer)
    {
        _answer = answer;
        Transport = new RespPipeTransport((_, _) => new ValueTask<IDuplexPipe>(Connect()));
    }

    public IRespTransport Transport { get; }

    /// <summary>Every read's commands, each as its words.</summary>
    public ConcurrentQueue<string[][]> Reads { get; } = [];

    public IEnumerable<string> Commands => Reads.SelectMany(read => read).Select(words => string.Join(' ', words));

    public RespClientOptions Options => new() { Transport = Transport, Seed = 1, PingAfter = TimeSpan.Zero };

    private Pair Connect()
    {
        Pipe toServer = new(), toClient = new();
        _ = ServeAsync(toServer.Reader, toClient.Writer);
        return new Pair(toClient.Reader, toServer.Writer);
    }

    private async Task ServeAsync(PipeReader input, PipeWriter output)
    {
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync();
                List<string[]> commands = [];
                SequencePosition consumed = TakeCommands(read.Buffer, commands);
                if (commands.Count > 0)
                    Reads.Enqueue([.. commands]);
                input.AdvanceTo(consumed, read.Buffer.End);
                foreach (string[] command in commands)
                {
                    if (_answer(command) is not { } reply)
                        return;
                    await output.WriteAsync(Encoding.UTF8.GetBytes(reply));
                }

                if (read.IsCompleted)
                    return;
            }
        }
        catch (RespTransportException)
        {
            // The client hung up.
        }
        finally
        {
            await output.CompleteAsync();
            await input.CompleteAsync();
        }
    }

    private static SequencePosition TakeCommands(ReadOnlySequence<byte> buffer, List<string[]> commands)
    {
        SequenceReader<byte> reader = new(buffer);
        SequencePosition whole = buffer.Start;
        while (TryCount(ref reader, '*', out int count))
        {
            string[] words = new string[count];
            int done = 0;
            for (; done < count && TryCount(ref reader, '$', out int length) && reader.Remaining >= length + 2; done++)
            {
                words[done] = Encoding.UTF8.GetString(reader.UnreadSequence.Slice(0, length));
                reader.Advance(length + 2);
            }

            if (done < count)
                break;
            commands.Add(words);
            whole = reader.Position;
        }

        return whole;
    }

    private static bool TryCount(ref SequenceReader<byte> reader, char type, out int count)
    {
        count = 0;
        if (!reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
            return false;
        byte[] bytes = line.ToArray();
        if (bytes[0] != type || !Utf8Parser.TryParse(bytes.AsSpan(1), out count, out _))
            throw new InvalidOperationException($"Not a command: {Encoding.UTF8.GetString(bytes)}");
        return true;
    }

    private sealed record Pair(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
