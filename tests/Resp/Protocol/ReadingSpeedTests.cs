using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>What scanner and reader cost per reply, on 64 KiB of equal replies as a busy connection receives them.</summary>
public sealed class ReadingSpeedTests(ITestOutputHelper output)
{
    private const int BufferBytes = 64 * 1024;

    public static TheoryData<string> Replies { get; } = new()
    {
        ":1\r\n",
        ":1234567\r\n",
        "+OK\r\n",
        "$16\r\n0123456789abcdef\r\n",
        "*2\r\n:1\r\n:2\r\n",
        "_\r\n",
        ",1.5\r\n",
    };

    // A byte per reply is a garbage collection per some thousand commands.
    [Theory]
    [MemberData(nameof(Replies))]
    public void Scanning_and_reading_allocate_nothing(string reply)
    {
        byte[] buffer = Fill(reply, out int frames);
        Pass(buffer, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int read = Pass(buffer, out long sum);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(frames, read);
        Assert.Equal(reply[0] == ':' ? frames * long.Parse(reply.AsSpan(1), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) : sum, sum);
    }

    [Theory]
    [Trait("Run", "OnRequest")]
    [MemberData(nameof(Replies))]
    public void Nanoseconds_per_reply(string reply)
    {
        byte[] buffer = Fill(reply, out int frames);
        for (long warm = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(warm).TotalMilliseconds < 500;)
            Pass(buffer, out _);

        List<double> scans = [];
        List<double> reads = [];
        for (int round = 0; round < 40; round++)
        {
            scans.Add(Measure(buffer, frames, readsToo: false));
            reads.Add(Measure(buffer, frames, readsToo: true));
        }

        scans.Sort();
        reads.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Notation.Escape(Chunkings.Bytes(reply)),-40} scan {scans[0]:F1} best {scans[20]:F1} median; scan and read {reads[0]:F1} best {reads[20]:F1} median (ns)"));
    }

    private static double Measure(byte[] buffer, int frames, bool readsToo)
    {
        const int Passes = 100;
        long began = Stopwatch.GetTimestamp();
        for (int pass = 0; pass < Passes; pass++)
            _ = readsToo ? Pass(buffer, out _) : Scan(buffer);
        return Stopwatch.GetElapsedTime(began).TotalNanoseconds / Passes / frames;
    }

    private static byte[] Fill(string reply, out int frames)
    {
        byte[] one = Chunkings.Bytes(reply);
        frames = BufferBytes / one.Length;
        byte[] buffer = new byte[frames * one.Length];
        for (int i = 0; i < frames; i++)
            one.CopyTo(buffer, i * one.Length);
        return buffer;
    }

    private static int Scan(ReadOnlySpan<byte> buffer)
    {
        FrameScanner scanner = new(RespLimits.Default);
        int frames = 0;
        while (buffer.Length > 0 && scanner.TryScan(buffer, out Frame frame))
        {
            buffer = buffer[(int)frame.Length..];
            frames++;
        }

        return frames;
    }

    private static int Pass(ReadOnlySpan<byte> buffer, out long sum)
    {
        FrameScanner scanner = new(RespLimits.Default);
        int frames = 0;
        sum = 0;
        while (buffer.Length > 0 && scanner.TryScan(buffer, out Frame frame))
        {
            RespReader reader = new(buffer[..(int)frame.Length]);
            if (reader.Prefix == RespPrefix.Integer && reader.TryReadInt64(out long number))
                sum += number;
            else if (reader.TryGetSpan(out ReadOnlySpan<byte> content))
                sum += content.Length;
            buffer = buffer[(int)frame.Length..];
            frames++;
        }

        return frames;
    }
}
