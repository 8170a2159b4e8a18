using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Sluice.Samples.Purchases;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(static services => NpgsqlDataSource.Create(services.GetRequiredService<IConfiguration>().GetConnectionString("Spending") ?? "Host=localhost;Database=spending"));
builder.Services.AddSingleton<SpendingTable>();
builder.Services.AddSingleton<LossGuard>();
builder.Services.AddSluice(builder.Configuration.GetSection("Sluice"))
    .Configure(static (options, services) => options.OnLoss = services.GetRequiredService<LossGuard>().OnLoss)
    .AddAggregate(CustomerSpending.Definition, static (options, services) =>
    {
        options.OnCompleteBatch = services.GetRequiredService<SpendingTable>().WriteAsync;

        // A database that is away for a night is no reason to give sessions up.
        options.MaxCompletionAttempts = 1_000;
    })
    .AddHealthChecks();
switch (builder.Configuration["Broker"])
{
    case "redis":
        builder.Services.Configure<StreamOptions>(builder.Configuration.GetSection("Stream")).AddHostedService<StreamConsumer>();
        break;
    case "rabbitmq":
        builder.Services.Configure<QueueOptions>(builder.Configuration.GetSection("Queue")).AddHostedService<QueueConsumer>();
        break;
    default:
        await Console.Error.WriteLineAsync("Say which broker: --Broker redis, or --Broker rabbitmq. samples/README.md has the other settings.");
        return 2;
}

using IHost host = builder.Build();
LossGuard guard = host.Services.GetRequiredService<LossGuard>();
await host.Services.GetRequiredService<SpendingTable>().CreateAsync();
await host.RunAsync();
return guard.HasLost ? 1 : 0;
