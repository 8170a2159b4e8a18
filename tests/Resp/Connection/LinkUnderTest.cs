using System.Buffers;
using System.Globalization;
using System.Text;
using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

/// <summary>A link with the terms of a test, and the commands that tests need. Its end checks that every slot came back.</summary>
internal sealed class LinkUnderTest : IAsyncDisposable
{
    private LinkUnderTest(RespLink link) => Link = link;

    public RespLink Link { get; }

    /// <summary>The test leaves tasks that nobody awaits: their slots are the collector's.</summary>
    public bool LeavesTasks { get; set; }

    public static LinkUnderTest To(ScriptedServer server, Func<LinkTerms, LinkTerms>? change = null, ILinkListener? listener = null) =>
        To(server.Transport, server.Endpoint, change, listener);

    public static LinkUnderTest To(IRespTransport transport, RespEndpoint endpoint, Func<LinkTerms, LinkTerms>? change = null, ILinkListener? listener = null)
    {
        LinkTerms terms = new()
        {
            Endpoint = endpoint,
            Transport = transport,
            Handshake = new Silent(),
            Dials = new DialBudget(1000, 1000),
            Connection = new ConnectionTerms { PingAfter = 0, PeerTimeout = 0 },
            CommandTimeout = -1,
            Name = "under test",
        };
        return new LinkUnderTest(new RespLink(change is null ? terms : change(terms), listener));
    }

    public static byte[] Frame(params string[] arguments)
    {
        StringBuilder frame = new();
        frame.Append(CultureInfo.InvariantCulture, $"*{arguments.Length}\r\n");
        foreach (string argument in arguments)
            frame.Append(CultureInfo.InvariantCulture, $"${argument.Length}\r\n{argument}\r\n");
        return Encoding.Latin1.GetBytes(frame.ToString());
    }

    public async Task<LinkUnderTest> OpenAsync()
    {
        await Link.OpenAsync(failFast: true, CancellationToken.None).Soon();
        return this;
    }

    public ValueTask<long> Int64(params string[] arguments) => Int64(default, arguments);

    public ValueTask<long> Int64(in SendTerms terms, params string[] arguments)
    {
        ReplySlot slot = Link.Rent(ReplyKind.Int64, terms);
        return Sent<long>(slot, arguments);
    }

    public ValueTask<string?> Text(params string[] arguments) => Sent<string?>(Link.Rent(ReplyKind.Text, default), arguments);

    public ValueTask<RespValue> Value(params string[] arguments) => Sent<RespValue>(Link.Rent(ReplyKind.Value, default), arguments);

    public ValueTask<RespLease> WholeFrame(params string[] arguments) => Sent<RespLease>(Link.Rent(ReplyKind.Frame, default), arguments);

    public ValueTask<long> IntoBuffer(Memory<byte> destination, in SendTerms terms, params string[] arguments)
    {
        ReplySlot slot = Link.Rent(ReplyKind.IntoBuffer, terms);
        slot.SetDestination(destination);
        return Sent<long>(slot, arguments);
    }

    /// <summary>One command for the slot, which answers as many times as the collector expects.</summary>
    public ValueTask Collected(ReplyCollector collector, in SendTerms terms, params string[] arguments)
    {
        ReplySlot slot = Link.Rent(ReplyKind.Collected, terms);
        slot.SetCollector(collector);
        short token = slot.Token;
        Link.Send(Frame(arguments), slot);
        return new ValueTask(slot, token);
    }

    public ValueTask<long> WithFallback(ReplyFallback fallback, in SendTerms terms, params string[] arguments)
    {
        ReplySlot slot = Link.Rent(ReplyKind.Int64, terms);
        byte[] frame = Frame(arguments);
        slot.Fallback = fallback;
        slot.KeepFrame(frame);
        short token = slot.Token;
        Link.Send(frame, slot);
        return new ValueTask<long>(slot, token);
    }

    public async ValueTask DisposeAsync()
    {
        await Link.DisposeAsync().Soon();
        if (LeavesTasks)
            return;
        await Patience.UntilAsync(() => Link.Slots.Count == Link.Slots.InExistence, "every slot is free again");
    }

    private ValueTask<T> Sent<T>(ReplySlot slot, string[] arguments)
    {
        short token = slot.Token;
        Link.Send(Frame(arguments), slot);
        return new ValueTask<T>((System.Threading.Tasks.Sources.IValueTaskSource<T>)(object)slot, token);
    }

    /// <summary>Says nothing to the server.</summary>
    private sealed class Silent : LinkHandshake
    {
        public override void Perform(RespConnection connection)
        {
        }
    }
}

/// <summary>Takes so many integers.</summary>
internal sealed class IntegerCollector(int expected, Action<int>? onReply = null) : ReplyCollector
{
    public List<long> Taken { get; } = [];

    public override int Expected => expected;

    public override void Collect(int index, ref RespReader reply)
    {
        onReply?.Invoke(index);
        lock (Taken)
            Taken.Add(reply.ReadInt64());
    }
}

/// <summary>NOSCRIPT is answered by sending the same arguments under another name.</summary>
internal sealed class OtherName(string name) : ReplyFallback
{
    public override bool Answers(RespServerException error) => error.Kind == RespErrorKind.NoScript;

    public override void Rewrite(ReadOnlySpan<byte> sent, IBufferWriter<byte> destination)
    {
        string argument = Encoding.Latin1.GetString(sent).Split("\r\n")[4];
        destination.Write(LinkUnderTest.Frame(name, argument));
    }
}
