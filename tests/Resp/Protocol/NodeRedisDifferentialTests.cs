using System.Globalization;
using System.Text;
using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>
/// RESP3 against the decoder of the npm package @redis/client. It checks nothing and knows neither attributes nor streamed values nor pushes inside replies, so it is asked about
/// valid streams without them: the same values, however they are cut.
/// </summary>
public sealed class NodeRedisDifferentialTests
{
    private const int Absent = 42;

    // One stream per line, its pieces in hexadecimal; one line of values comes back.
    private const string Script = """
        let path;
        const [input, ...folders] = process.argv.slice(1);
        try { path = require.resolve('@redis/client/dist/lib/RESP/decoder', { paths: folders }); } catch { process.exit(42); }
        const { Decoder, RESP_TYPES: T } = require(path);
        const types = { [T.NUMBER]: String, [T.BLOB_STRING]: Buffer, [T.VERBATIM_STRING]: Buffer, [T.MAP]: Map, [T.SET]: Set };
        const bits = d => { if (Number.isNaN(d)) return 'nan'; const b = Buffer.alloc(8); b.writeDoubleBE(d); return b.toString('hex'); };
        const show = v =>
          v === null ? 'null' :
          typeof v === 'boolean' ? String(v) :
          typeof v === 'string' ? 's' + Buffer.from(v).toString('hex') :
          typeof v === 'number' ? ',' + bits(v) :
          typeof v === 'bigint' ? '(' + v :
          Buffer.isBuffer(v) ? '$' + v.toString('hex') :
          v instanceof Error ? '-' + Buffer.from(v.message).toString('hex') :
          v instanceof Map ? '%[' + [...v].flat(1).map(show).join(' ') + ']' :
          v instanceof Set ? '~[' + [...v].map(show).join(' ') + ']' :
          '*[' + v.map(show).join(' ') + ']';
        for (const line of require('fs').readFileSync(input, 'latin1').split('\n')) {
          if (line === '') continue;
          const out = [];
          const decoder = new Decoder({
            onReply: v => out.push(show(v)), onErrorReply: v => out.push(show(v)), onPush: v => out.push('>' + show(v)), getTypeMapping: () => types });
          for (const piece of line.split(',')) decoder.write(Buffer.from(piece, 'hex'));
          console.log(out.join(';'));
        }
        """;

    private static CancellationToken GiveUp => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Valid_streams_have_the_same_values()
    {
        string? node = FindOnPath("node");
        Assert.SkipUnless(node is not null, "node is not on the PATH");
        Random random = new(31);
        FrameTree frames = new(random, FrameFeatures.Resp3 | FrameFeatures.DistinctKeys, maxDepth: 5);
        List<string> expected = [];
        StringBuilder input = new();
        for (int stream = 0; stream < 3000; stream++)
        {
            byte[] bytes = [.. frames.Next(), .. Push(random), .. frames.Next(), .. Push(random)];
            input.AppendJoin(',', Pieces(bytes, random).Select(Convert.ToHexString)).Append('\n');
            expected.Add(Values(bytes));
        }

        // A file: a process that ends at once, for want of the package, breaks a pipe.
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["streams"], input.ToString(), GiveUp);
        await using ProcessHost process = ProcessHost.Start(node!, ["-e", Script, folder["streams"], .. PackageFolders()]);
        for (int stream = 0; stream < expected.Count; stream++)
        {
            string? line = await process.ReadLineAsync(GiveUp);
            if (line is null)
            {
                int status = await process.ExitCode.WaitAsync(GiveUp);
                Assert.SkipWhen(status == Absent, "The npm package @redis/client is neither in artifacts/npm (eng/test puts it there when it may) nor on NODE_PATH.");
                Assert.Fail($"node ended with status {status}:\n{process.Transcript}");
            }

            Assert.True(expected[stream] == line, $"{input.ToString().Split('\n')[stream]}\nproduct {expected[stream]}\nnode    {line}");
        }
    }

    private static string Values(byte[] bytes)
    {
        FrameScanner scanner = new(RespLimits.Default);
        List<string> values = [];
        for (int consumed = 0; consumed < bytes.Length;)
        {
            Assert.True(scanner.TryScan(bytes.AsSpan(consumed), out Frame frame));
            values.Add(Show(RespValue.Parse(bytes.AsMemory(consumed, (int)frame.Length))));
            consumed += (int)frame.Length;
        }

        return string.Join(';', values);
    }

    // What the decoder makes of each type: numbers and simple strings are text, keys that are strings are text too.
    private static string Show(RespValue value) => value.Kind switch
    {
        _ when value.IsNull => "null",
        RespPrefix.Boolean => value.AsBoolean() ? "true" : "false",
        RespPrefix.Integer or RespPrefix.SimpleString => "s" + Hex(Encoding.UTF8.GetBytes(value.AsString()!)),
        RespPrefix.Double => "," + Bits(value.AsDouble()),
        RespPrefix.BigNumber => "(" + value.AsBigInteger().ToString(CultureInfo.InvariantCulture),
        RespPrefix.BulkString or RespPrefix.VerbatimString => "$" + Hex(value.AsBytes().Span),
        RespPrefix.SimpleError or RespPrefix.BulkError => "-" + Hex(Encoding.UTF8.GetBytes(value.AsString()!)),
        RespPrefix.Map => $"%[{string.Join(' ', value.Pairs.Select(pair => $"s{Hex(pair.Key.AsBytes().Span)} {Show(pair.Value)}"))}]",
        RespPrefix.Set => $"~[{string.Join(' ', value.Items.Select(Show))}]",
        RespPrefix.Push => $">*[{string.Join(' ', value.Items.Select(Show))}]",
        _ => $"*[{string.Join(' ', value.Items.Select(Show))}]",
    };

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private static string Bits(double value) => double.IsNaN(value) ? "nan" : BitConverter.DoubleToInt64Bits(value).ToString("x16", CultureInfo.InvariantCulture);

    private static byte[] Push(Random random) => random.Next(3) > 0
        ? []
        : Chunkings.Bytes($">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nk{random.Next(10, 100)}\r\n");

    private static List<byte[]> Pieces(byte[] bytes, Random random)
    {
        List<byte[]> pieces = [];
        for (int from = 0; from < bytes.Length;)
        {
            int length = Math.Min(random.Next(1, 1 + random.Next(1, bytes.Length)), bytes.Length - from);
            pieces.Add(bytes[from..(from + length)]);
            from += length;
        }

        return pieces;
    }

    private static IEnumerable<string> PackageFolders()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
                yield return Path.Combine(folder.FullName, "artifacts", "npm");
        }
    }

    private static string? FindOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);
}
